-- No peer comes here, and nobody makes anything here but the superuser.
do
$$
begin
    execute format('revoke all on database %I from public', current_database());
    revoke all on schema public from public;
    revoke usage on language plpgsql, sql from public;
end
$$;
