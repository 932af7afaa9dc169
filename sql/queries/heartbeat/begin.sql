select (date_part('epoch', clock_timestamp()) * 1000000)::bigint as at, pg_current_xact_id()::text::bigint as xid
