-- The oldest of each caller: nobody's calls stand behind those of another. One that its asker waits for no longer is left.
select id, caller, kind, body
from (select id, caller, kind, body, row_number() over (partition by caller order by id) as turn
      from replication.call where answer is null and asked_at > clock_timestamp() - interval '1 minute') as waiting
where turn <= $1 order by turn, id limit $2
