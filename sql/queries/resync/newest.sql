select to_jsonb(h) || jsonb_build_object('in_lanes', (select coalesce(jsonb_agg(to_jsonb(b)), '[]') from public.lane_beat b
                                                    where b.number = h.number))
from public.heartbeat h where number = $1
