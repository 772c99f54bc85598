2.5::double::int
3.5::double::int
-2.5::double::int
2.5::float::int
2.5::decimal(3,1)::int
3.5::decimal(3,1)::int
(-2.5)::decimal(3,1)::int
2.45::decimal(5,2)::decimal(5,1)
2.55::decimal(5,2)::decimal(5,1)
(-2.55)::decimal(5,2)::decimal(5,1)
0.125::double::decimal(5,2)
0.375::double::decimal(5,2)
2.675::double::decimal(5,2)
(-0.125)::double::decimal(5,2)
1e20::double::decimal(18,2)
1e20::double::decimal(38,2)
1e20::double::bigint
1e19::double::ubigint
'9223372036854775807'::double::bigint
2147483647.5::double::int
2147483647.4::double::int
'nan'::double::int
'nan'::double::boolean
'inf'::double::decimal(5,2)
0.5::boolean
2::boolean
0.0::double::boolean
true::decimal(3,1)
true::double
true::int
128::smallint::tinyint
300::int::utinyint
(-1)::utinyint
1e39::double::hugeint
1e30::double::hugeint
1e39::double::float
123456789012345678.9::decimal(19,1)::double
12345678901234567.89::decimal(19,2)::double
12345678901234567890123.456::decimal(30,3)::double
0.1::decimal(2,1)::float
123456.789::decimal(9,3)::float
98765432.123::decimal(12,3)::float
9007199254740993::bigint::double
16777217::int::float
12345::decimal(5,0)::decimal(4,0)
12345::int::decimal(5,2)
999.995::decimal(6,3)::decimal(5,2)
9.99::decimal(3,2)::tinyint
127.5::decimal(5,1)::tinyint
99999999999999999999::hugeint::bigint
99999999999999999999::hugeint::decimal(38,2)
99999999999999999999::hugeint::decimal(18,2)
99999999999999999999::hugeint::double
18446744073709551615::ubigint::double
18446744073709551615::ubigint::bigint
18446744073709551615::ubigint::decimal(20,0)
'1'::int
' 1 '::int
'1.5'::int
'2.5'::int
'-2.5'::int
'1e3'::int
'1e-1'::int
'-0'::int
'+5'::int
'1_000'::int
'0x10'::int
''::int
'abc'::int
'99999999999'::int
'1.5.5'::int
'1.'::int
'.'::int
'12345678901234567890'::hugeint
'-12345678901234567890123456789012345678'::hugeint
'1.5'::double
' 1.5 '::double
'inf'::double
'-Infinity'::double
'nan'::double
'1,5'::double
'1_0.5'::double
'.5'::double
'5.'::double
'1.555'::decimal(3,2)
'1.545'::decimal(3,2)
'-1.555'::decimal(3,2)
' 1.5 '::decimal(3,2)
'1e2'::decimal(5,2)
'1.5e-1'::decimal(5,2)
'100'::decimal(3,2)
'abc'::decimal(3,2)
''::decimal(3,2)
'true'::boolean
't'::boolean
'yes'::boolean
'y'::boolean
'1'::boolean
'on'::boolean
' true '::boolean
'TRUE'::boolean
'no'::boolean
'0'::boolean
'f'::boolean
'2'::boolean
1.0::double
1e20::double
1e15::double
1e16::double
1e17::double
123456789012345680.0::double
0.0001::double
0.00001::double
1.5e-7::double
1e100::double
'-0.0'::double
'5e-324'::double
'1.7976931348623157e308'::double
0.1::float
1e10::float
1e15::float
1e16::float
1e17::float
0.0001::float
0.00001::float
16777216::float
3.4e38::float
'1e-45'::float
0.0::decimal(3,2)
(-0.05)::decimal(3,2)
0.05::decimal(2,2)
(-0.05)::decimal(2,2)
5::decimal(3,0)
12345678901234567890.12::decimal(30,2)
(-0.00000001)::decimal(20,10)
(-0.00000001)::decimal(38,38)
'2020-01-01'::date
' 2020-01-01 '::date
'2020-1-1'::date
'2020/01/01'::date
'2020 01 01'::date
'20200101'::date
'2020-01-01 12:00:00'::date
'2020-01-01 abc'::date
'2020-01-01T12:00'::date
'2020-02-30'::date
'2020-13-01'::date
'1900-02-29'::date
'2000-02-29'::date
'0001-01-01'::date
'0000-01-01'::date
'-0001-01-01'::date
'0044-03-15 (BC)'::date
'12020-01-01'::date
'99-01-01'::date
''::date
'epoch'::date
'2020-01-1'::date
'2020-01-01 '::timestamp
'2020-01-01'::timestamp
'2020-01-01 12:34:56'::timestamp
'2020-01-01T12:34:56'::timestamp
'2020-01-01T12:34:56Z'::timestamp
'2020-01-01 12:34:56.123456789'::timestamp
'2020-01-01 12:34:56.1234565'::timestamp
'2020-01-01 12:34:56.1'::timestamp
'2020-01-01 12:34'::timestamp
'2020-01-01 12'::timestamp
'2020-01-01 1:2:3'::timestamp
'2020-01-01 24:00:00'::timestamp
'2020-01-01 25:00:00'::timestamp
'2020-01-01 12:34:56+02'::timestamp
'2020-01-01 12:34:56+02:30'::timestamp
'2020-01-01 12:34:56 UTC'::timestamp
'2020-01-01 12:34:56+02'::timestamptz
'2020-01-01 12:34:56-0230'::timestamptz
'2020-01-01 12:34:56'::timestamptz
'2020-01-01 12:34:56.5'::timestamptz
'2020-01-01 12:34:60'::timestamp
'12:34:56'::time
'12:34'::time
'1:2:3'::time
'12:34:56.1234567'::time
'25:00:00'::time
'2020-01-01 12:34:56'::time
'12:34:56+02'::time
'2020-01-01 12:34:56.5'::timestamp::date
'1969-12-31 12:34:56.5'::timestamp::date
'2020-01-01 12:34:56.5'::timestamp::time
'1969-12-31 12:34:56.5'::timestamp::time
'2020-01-01 12:34:56.5'::timestamp::timestamp_s
'2020-01-01 12:34:56.4999'::timestamp::timestamp_ms
'1969-12-31 23:59:59.5'::timestamp::timestamp_s
'2020-01-01 12:34:56.123456'::timestamp::timestamp_ns
'2020-01-01 12:34:56.123456789'::timestamp_ns
'2020-01-01 12:34:56.123456789'::timestamp_ns::timestamp
'2020-01-01 12:34:56.9'::timestamp_s
'2020-01-01 12:34:56.9996'::timestamp_ms
'2020-01-01 12:34:56'::timestamp::timestamptz
'2020-01-01 12:34:56+00'::timestamptz::timestamp
'2020-01-01 12:34:56+00'::timestamptz::date
'2020-01-01'::date::timestamp
'2020-01-01'::date::timestamptz
'12:34:56'::time::interval
'12:34:56'::interval
'1 year 2 months 3 days 04:05:06.5'::interval
'1 year'::interval
'1y2mon'::interval
'-1 day'::interval
'1 day ago'::interval
'1.5 days'::interval
'1.5 hours'::interval
'1.5 months'::interval
'1.5 years'::interval
'1 week'::interval
'1'::interval
''::interval
'@ 1 day'::interval
interval '1 month -1 day'
interval '-1 month'
interval '-14 months'
interval '-1 second'
interval '100 hours'
interval 0 day
interval '1 microsecond'
interval '2 days -1 hour'
1::date
1::timestamp
date '2020-01-01'::int
timestamp '2020-01-01'::bigint
true::date
'a'::blob
'\xAA'::blob
'\xaa\x41'::blob
'ab'::blob
'ä'::blob
date '-0001-01-01'
date '12020-01-01'
timestamp '0001-01-01 00:00:00'
timestamp '-0044-03-15 00:00:00'
timestamp '2020-01-01 00:00:00.1'
timestamp '2020-01-01 00:00:00.000001'
time '01:02:03.45'
interval '1 day'::int
'2020-01-01 12:34:56.123456789123'::timestamp
'2020-01-01   12:34:56'::timestamp
'2020-01-01 12:34:56  '::timestamp
'2020-01-01t12:34:56'::timestamp
try_cast('abc' as int)
try_cast('1' as int)
try_cast(300 as tinyint)
try_cast('2020-02-30' as date)
try_cast(1e30 as bigint)
try_cast('nan'::double as int)
try_cast(123.45 as decimal(3,2))
try_cast(99999999999999999999::hugeint as bigint)
try_cast('x' as boolean)
NULL::int
NULL::varchar
NULL::date
66632448::float
16777218::float
134217736::float
18014398509481992::double
0::float
'-0.0'::float
'1e-10'::float
'3.4028235e38'::float
