-- Into an enlisted table, or what stands beside it: no row for another name, which may come from a peer or from a file.
select format('copy %s (%s) from stdin (format binary)',
              case $2 when 'outbox' then outbox when 'staged' then replication.staged(relation)
                      when 'taken' then 'pg_temp.taken' else relation end,
              (select string_agg(format('%I', c), ', ') from unnest($3::text[]) c))
from replication.enlisted where relation = $1
