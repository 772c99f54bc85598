5 & 3
5 & 3::bigint
xor(5, 3)
~5
~5::utinyint
5 | 3
1 << 64
1 << 31
1::bigint << 63
1::bigint << 62
-1 << 1
8 >> 100
8 >> -1
-8 >> 1
1 << -1
0 << 64
1::tinyint << 7
1::utinyint << 7
255::utinyint << 1
1::hugeint << 100
1::hugeint >> 1
bit_count(255)
bit_count(-1)
bit_count(-1::bigint)
bit_count(255::utinyint)
bit_count(7::hugeint)
bit_count((-1)::hugeint)
(-5)::hugeint & 3
'5' & 3
5.5 & 3
5 & 3 | 8
1 + 2 << 3
gcd(12, 18)
gcd(-12, 18)
gcd(0,0)
lcm(4,6)
lcm(-4,6)
lcm(0,5)
lcm(9223372036854775807, 2)
gcd(6::hugeint, 4)
factorial(5)
factorial(0)
factorial(-1)
factorial(33)
factorial(34)
binom(5,2)
binom(-1,2)
binom(5,7)
binom(100,50)
even(2.5)
even(-2.5)
even(1)
even(3)
even(-0.1)
even('inf'::double)
cot(1)
cot(0)
sinh(1)
cosh(1)
tanh(1)
asinh(1)
acosh(1)
atanh(0.5)
atanh(1)
sinh(0.3)
cosh(2.7)
tanh(-0.9)
asinh(-3.3)
acosh(7.7)
atanh(-0.99)
hex(255)
hex(-1)
hex(-1::tinyint)
hex('abc')
hex('abc'::blob)
hex(255::ubigint)
hex(-1::hugeint)
hex(0)
to_hex(16)
bin(5)
bin(-5)
bin('a')
bin(0)
bin('')
to_base(255, 16)
to_base(255, 16, 8)
to_base(-1, 16)
to_base(0, 2)
to_base(5, 1)
to_base(5, 37)
from_hex('616263')
unhex('61626')
unhex('xx')
unhex('')
unbin('0110')
from_binary('11111111111')
unbin('2')
unbin('')
format_bytes(16384)
format_bytes(1000)
format_bytes(1)
format_bytes(-1)
format_bytes(1024*1024*1024)
format_bytes(-1500)
format_bytes(0)
format_bytes(1023)
format_bytes(9223372036854775807)
format_bytes(-9223372036854775808)
formatReadableDecimalSize(16000)
formatReadableSize(16000)
parse_formatted_bytes('16 KiB')
parse_formatted_bytes('1.5GB')
parse_formatted_bytes('x')
parse_formatted_bytes('12')
parse_formatted_bytes('12 b')
parse_formatted_bytes('1 k')
parse_formatted_bytes('1 kilobyte')
parse_formatted_bytes('-1 kB')
bar(5, 0, 10)
bar(5, 0, 10, 20)
bar(50, 0, 10, 20)
bar(-5, 0, 10, 20)
bar(3.3, 0, 10, 7)
bar(3.3, 0, 10, 0.5)
bar('nan'::double, 0, 10, 5)
bar(5, 10, 0, 5)
bar(5, 5, 5, 5)
bar(3.3, 0, 10, 7.5)
'hello' ~ 'ell'
'hello' ~ '.*ell.*'
'hello' !~ 'ell'
'hello' ^@ 'he'
@ -5
@(-5)
1 | 2 & 3
3 & 2 = 2
5 & 3 << 1
~1 + 1
~ 1 << 2
1 + 2 & 3
2 * 3 << 1
-2 ^ 2
-2 ** 2
2 ^ 3 ^ 2
2 ** -1
@ -5 + 1
- @ -5
1 < 2 | 4
10 // 3 & 1
