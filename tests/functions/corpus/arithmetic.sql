1
3000000000
10000000000000000000
1.25
1e3
0.05
.5
100.00
1::tinyint+1
1::tinyint+1000
1::tinyint+100000::int
1::tinyint+1.5
1::int+1.5
1-0.05::decimal(15,2)
1::int-0.05::decimal(15,2)
1::bigint-0.05::decimal(15,2)
1::hugeint-0.05::decimal(15,2)
1::ubigint+1::int
1::utinyint+1::tinyint
1::utinyint+(-1)
1::float+1
1::float+1.5
1.5::decimal(15,2)*1.5::decimal(15,2)
1.5::decimal(18,2)*1.5::decimal(18,2)
1.5::decimal(38,2)*1.5::decimal(18,2)
1.5::decimal(38,20)*1.5::decimal(38,20)
1.5::decimal(38,2)+1.5::decimal(38,30)
1.5::decimal(10,2)/2
1/2
1//2
1//0
1/0
-1/0
1%0
1.5%0
1.5::decimal(10,2)%0.4
1.5//0.4
1.5::double//0
5%3::tinyint
-5%3
5%(-3)
-5//3
5//(-3)
-5.5::double//3
-5.5::double%3
-(1.5)
-(1::utinyint)
-(0::utinyint)
-(1::double)
-(1::tinyint)
-(1::hugeint)
-(1::float)
-(1::decimal(5,2))
-(true)
-'2020-01-01'
+1
1+NULL
true+1
date '2020-01-01'+1
date '2020-01-01'-1
1+date '2020-01-01'
date '2020-01-01'+1::bigint
date '2020-01-01'-date '2019-01-01'
date '2020-01-01'-timestamp '2019-01-01'
timestamp '2020-03-01 01:00:00'-timestamp '2019-01-01'
timestamp '2019-03-01 01:00:00'-timestamp '2020-01-01 12:00:00'
date '2020-01-31'+interval 1 month
date '2020-03-31'-interval 1 month
date '2020-02-29'+interval 1 year
date '2020-02-29'-interval 12 month
date '1900-02-28'+interval 1 day
date '1600-12-31'+interval '1 day 25 hours'
date '2020-01-31'+time '01:02:03'
timestamp '2020-01-31'+interval 1 month
timestamp '1969-12-31 23:59:59.999999'+interval 1 month
timestamp '2020-01-31 10:00:00'-interval '1 month 1 day 11 hours'
interval 1 month+interval 1 day
interval 1 month-interval 1 day
interval 1 month*2
2*interval 1 month
interval 1 month*2.5
interval '1 month 3 days 04:05:06'*1.7
interval '1 month 3 days 04:05:06'*(-1.7)
interval 1 month/2
interval '1 year 1 day'/7
interval 1 month/0
-interval 1 month
-interval '1 month -3 days 04:05:06'
time '01:00:00'+interval 1 hour
time '01:00:00'-interval 2 hour
time '23:00:00'+interval '5 days 3 hours'
time '01:00:00'-time '00:30:00'
9223372036854775807+1
9223372036854775807::bigint+1::bigint
(-9223372036854775808)::bigint-1::bigint
9223372036854775807::bigint*2::bigint
4611686018427387904::bigint*2::bigint
4611686018427387904::bigint*(-2)::bigint
3037000500::bigint*3037000500::bigint
18446744073709551615::ubigint+1::ubigint
0::ubigint-1::ubigint
4294967296::ubigint*4294967296::ubigint
127::tinyint+1::tinyint
127::tinyint*2::tinyint
200::utinyint+100::utinyint
2147483647::int+1::int
2147483647::int*2147483647::int
99::decimal(2,0)*99::decimal(2,0)
date '2020-01-01'-'2019-01-01'
'2020-01-01'-date '2019-01-01'
timestamptz '2020-01-01 00:00:00+00' + interval 1 month
timestamptz '2020-01-01 00:00:00+00' - timestamptz '2019-01-01 00:00:00+00'
interval 1 month + date '2020-01-01'
(-9223372036854775808)::bigint//(-1)::bigint
(-9223372036854775808)::bigint%(-1)::bigint
999999999999999999::decimal(18,0)*999999999999999999::decimal(18,0)
99999999999999999999999999999999999999::decimal(38,0)+1::decimal(38,0)
99999999999999999999999999999999999999::decimal(38,0)-1::decimal(38,0)
99999999999999999999999999999999999999::decimal(38,0)*2::decimal(38,0)
99999999999999999999::decimal(38,0)*99999::decimal(38,0)
9999999999999999999.5::decimal(38,4)*99999.25::decimal(38,4)
12345678901234567890::hugeint*1000000::hugeint
12345678901234567890::hugeint//7
-12345678901234567890::hugeint//7
12345678901234567890::hugeint%7
-12345678901234567890::hugeint%7
12345678901234567890.5::decimal(38,1)%7.3::decimal(38,1)
9223372036854775807::hugeint+1::hugeint
9223372036854775807::hugeint*9223372036854775807::hugeint
-(9223372036854775807::hugeint)
date '2020-01-01'+2147483647
date '5881580-07-10'+1
2.5::decimal(3,1)//2
7.5%2
1::float/3
1::float//3
1::hugeint/3
1::hugeint//3::hugeint
'nan'::double+1
'inf'::double-'inf'::double+1 is null
1e308::double*10
0.1::double+0.2::double
0.1+0.2
12.50*3
100::decimal(5,2)/3
