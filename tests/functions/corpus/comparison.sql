1::varchar<2
'10'::varchar<2::int
true<2::int
true='a'::varchar
date '2020-01-01'<1
date '2020-01-01'=1
time '00:00:00'=1
time '00:00:00'<date '2020-01-01'
interval 1 day=1
1 = NULL
NULL = NULL
'a' < 'b'::blob
'a'::varchar < 'b'::blob
1 is distinct from '1'
1 is distinct from NULL
NULL is distinct from NULL
NULL is not distinct from NULL
1 is not distinct from 1
'a' is distinct from NULL
1::tinyint < 300
1::tinyint = 300
1::utinyint = -1
1.5 = '1.5'
1.5::decimal(10,2) = '1.555'
1.5::decimal(10,2) = 1.555
1.50::decimal(10,2) = 1.5::decimal(30,20)
'nan'::double = 'nan'::double
'nan'::double <> 'nan'::double
'nan'::double > 'inf'::double
'nan'::double >= 'nan'::double
'nan'::double < 'nan'::double
1::double < 'nan'::double
'nan'::double <= 1::double
'nan'::float > 1::float
(-0.0)::double = 0.0::double
date '2020-01-01' < '2020-01-01 12:00:00'
timestamp '2020-01-01' < '2020-01-02'
timestamp '2020-01-01' = date '2020-01-01'
date '2020-01-01' < timestamp '2020-01-01 00:00:01'
1e0 = '1'
1e0 = 1.1
1::float = 1.1
0.1::float = 0.1
0.1::float = 0.1::double
1::bigint = 1.5
9007199254740993 = 9007199254740992::double
9007199254740993::bigint = 9007199254740992.5
1::utinyint=1::tinyint
'1'=1
'1'::varchar=1
1=1.0
true=1
true='t'
interval 1 day='24 hours'
interval 1 month=interval 30 day
interval 1 month<interval 31 day
interval 1 year>interval 360 day
interval 1 year=interval 360 day
interval '-1 day'<interval 1 second
interval '1 day -1 hour'<interval 1 day
interval 1 day=interval 24 hour
time '00:00:00'='00:00'
'ä'>'z'
'a'<'B'
''<'a'
'abc'<'abcd'
1::hugeint=1::tinyint
99999999999999999999::hugeint>1::bigint
12345678901234567890.5::decimal(38,1)>1.5::decimal(38,1)
1 in (1,2)
3 in (1,2)
3 in (1,NULL)
1 in (1,NULL)
NULL in (1,2)
3 not in (1,NULL)
3 not in (1,2)
'a' in ('a','b')
'c' in ('a',NULL)
1.5 in (1,1.5)
1 in (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20)
21 in (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20)
date '2020-01-01' in ('2020-01-01','2021-01-01')
1 between 0 and 2
NULL between 0 and 2
1 between NULL and 0
true and NULL
false and NULL
NULL and NULL
true or NULL
false or NULL
NULL or NULL
not NULL
1 and 0
'true' and true
not 1
not 'true'
1.5 and true
NULL is null
1 is null
1 is not null
