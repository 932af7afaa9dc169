select subname, subid, apply_error_count from pg_stat_subscription_stats where starts_with(subname, $1)
