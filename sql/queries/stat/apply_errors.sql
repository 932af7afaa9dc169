-- Of all lanes of a link; the subscription is the one that failed most.
select regexp_replace(subname, '^lane_(.*)_[0-9]+$', 'keystead_\1') as link,
       (array_agg(subid order by apply_error_count desc, subname))[1] as subid, sum(apply_error_count)::bigint as apply_error_count
from pg_stat_subscription_stats where starts_with(subname, $1) or starts_with(subname, $2) group by link
