length('äö')
length('')
length('🤦🏼‍♂️')
char_length('äb')
len('äb')
length(1)
strlen('äb')
bit_length('ä')
octet_length('\xAA\xBB'::blob)
substring('hello',0)
substring('hello',0,2)
substring('hello',-3)
substring('hello',-3,2)
substring('hello',-3,5)
substring('hello',2,-1)
substring('hello',-10,3)
substring('hello',-10)
substring('hello',3,-2)
substring('hello',2)
substring('hello',2,0)
substring('hello',9,2)
substring('hello',4,99)
substring('äöü',2,1)
substring('',1,1)
substring('hello' from 2 for 3)
substring('abc','2')
substring('abc',2.0)
substring('hello',9223372036854775807,1)
substring(NULL,1)
substring('a',NULL)
substr('hello',2,2)
left('hello',2)
left('hello',0)
left('hello',-2)
left('hello',10)
left('hello',-10)
left('äöü',2)
right('hello',2)
right('hello',0)
right('hello',-2)
right('hello',-10)
right('hello',10)
lpad('a',3,'xy')
lpad('abc',2,'x')
lpad('abc',-1,'x')
lpad('a',3,'')
lpad('ä',3,'öx')
rpad('a',3,'xy')
rpad('abc',2,'x')
rpad('abc',5,'')
repeat('ab',3)
repeat('ab',0)
repeat('ab',-1)
split_part('a,b,c',',',2)
split_part('a,b,c',',',-1)
split_part('a,b,c',',',-4)
split_part('a,b,c',',',0)
split_part('a,b,c','',1)
split_part('a,b,c','',2)
split_part('a,b,c',',',9)
split_part('abc','b',1)
split_part('abc','x',1)
split_part('','x',1)
ascii('ä')
ascii('')
ascii('a')
unicode('')
ord('äb')
chr(228)
chr(1114112)
chr(-1)
strpos('hello','l')
strpos('hello','')
strpos('äöü','ü')
instr('hello','z')
position('l' in 'hello')
translate('abc','ab','x')
translate('hello','el','ip')
translate('hello','l','')
concat('a',NULL,'b')
concat(NULL)
concat(1,'a',true)
concat('a',1.50,date '2020-01-01',NULL)
concat_ws(',','a',NULL,'b')
concat_ws(NULL,'a')
concat_ws(',',1,NULL,'x')
concat_ws(',')
'a'||1
1||2
true || 'a'
date '2020-01-01' || 'x'
'a'::blob || 'b'::blob
'a'||'b'||'c'
starts_with('abc','a')
starts_with('abc','')
starts_with('','a')
ends_with('abc','c')
prefix('abc','a')
suffix('abc','c')
contains('abc','b')
contains('abc','')
contains('abc','.')
replace('abc','','x')
replace('abc','b','')
replace('aaa','a','bb')
replace('äöü','ö','o')
reverse('abc')
reverse('äöü')
reverse('')
trim('  a ')
trim('')
trim('xxaxx','x')
trim('xyaxy','yx')
ltrim('xxaxx','x')
rtrim('xyaxy','yx')
trim(both 'x' from 'xax')
trim(leading 'x' from 'xax')
upper('äbc')
lower('ÄBC')
upper('ß')
lower('A'::blob)
lower(1)
md5('a')
md5('')
sha256('a')
'a%b' like 'a\%b'
'a%b' like 'a\%b' escape '\'
'a_b' like 'aX_b' escape 'X'
'a' like 'aX' escape 'X'
'ab' like 'aXb' escape 'X'
'a' like 'a' escape ''
'a' like 'a' escape 'ab'
'ä' like '_'
'' like ''
'' like '%'
'' like '_'
'abc' like 'abc'
'abc' like 'a%'
'abc' like '%c'
'abc' like '%b%'
'abc' like 'a%c'
'abc' like 'a_c'
'abc' like '_b_'
'abc' like '%%'
'abc' like '%_'
'abc' like '____'
'abcbc' like 'a%bc'
'a.c' like 'a.c'
'abc' like 'a.c'
'a(c' like 'a(%'
'a+b*c' like '%+b*%'
'special xx requests' like '%special%requests%'
'requests special' like '%special%requests%'
'abc' not like 'a%'
'ÄB' ilike 'äb'
'ABC' ilike '%b%'
'ABC' ilike 'a_c'
1 like '1'
NULL like 'a'
'a' like NULL
regexp_matches('abc','b')
regexp_matches('ABC','b','i')
regexp_matches('abc','^b')
regexp_matches('abc','(')
regexp_matches('a.c','a.c','l')
regexp_matches('abc','a.c','l')
regexp_full_match('abc','b')
regexp_full_match('abc','a.c')
regexp_full_match('abc','a|abc')
regexp_extract('abc','(?i)B')
regexp_extract('abc','(a)(b)',2)
regexp_extract('abc','(a)(b)',3)
regexp_extract('abc','b(.)',1)
regexp_extract('abc','z(.)',1)
regexp_extract('abc','b.')
regexp_extract('a1b22','\d+')
regexp_extract('a(b)','[(](b)[)]',1)
regexp_extract('abc','(?:a)(b)',1)
regexp_replace('abc','B','x','i')
regexp_replace('abcabc','b','x')
regexp_replace('abcabc','b','x','g')
regexp_replace('abcabc','(b)','[\1]','g')
regexp_replace('aaa','a','b','ig')
regexp_replace('aaa','a','\0\0')
regexp_replace('aaa','(a)','\2')
