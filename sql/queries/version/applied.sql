select max(version) from public.refinery_schema_history
