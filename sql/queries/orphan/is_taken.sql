-- Of one of these links every lane.
select exists (select from pg_replication_slots
               where slot_name = any ($1) and pg_wal_lsn_diff(confirmed_flush_lsn, '0/0') >= $2::bigint
                 and not exists (select from pg_replication_slots lane
                                 where starts_with(lane.slot_name, format('lane_%s_', substr(pg_replication_slots.slot_name, length('keystead_') + 1)))
                                   and pg_wal_lsn_diff(lane.confirmed_flush_lsn, '0/0') < $2::bigint))
