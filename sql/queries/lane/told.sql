select number, max(lanes) as lanes
from (select number, lanes from live.heartbeat union all select number, lanes from replication.promised) as told
group by number
