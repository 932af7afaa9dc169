select to_regclass('public.refinery_schema_history') is not null, to_regclass('public.node_version') is not null
