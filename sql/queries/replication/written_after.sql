select times.at, coalesce(sum(written.row_count), 0)::bigint as row_count
from unnest($1::bigint[]) with ordinality times (at, number)
left join replication.written_from(array(select at + 1 from unnest($1::bigint[]) at)) written on written.number >= times.number
group by times.at
