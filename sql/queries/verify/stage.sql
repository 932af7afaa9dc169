select format('create temporary table taken on commit drop as select * from %s with no data', $1::text)
