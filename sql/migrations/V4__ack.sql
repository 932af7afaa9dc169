-- Acknowledgement: what the cluster as a whole is set to, and transactions that wait for other members.

-- Set by an administrator on any node, the same on all. Names are in src: `ack`.
create table public.cluster_property (
    name text primary key,
    value text not null
);
select replication.enlist('public.cluster_property');

-- A property decides what the agent sets up, as the members do.
create trigger tell_property_changed after insert or update on public.cluster_property
    for each row execute function public.tell_node_changed();
alter table public.cluster_property enable always trigger tell_property_changed;

-- This transaction's commit waits until so many other members have it on their disks. Refused with KS001 when the server
-- does not wait for as many, or when too few are there: nothing of the transaction happens then. The setting is local to
-- the transaction, so this function has none of its own that would end with it.
create function replication.wait_for_peers(peers integer) returns void
    language plpgsql as
$$
declare
    quorum integer := substring(pg_catalog.current_setting('synchronous_standby_names') from '^ANY ([0-9]+) ')::integer;
    streaming integer;
begin
    select count(*) into streaming
    from pg_catalog.pg_stat_get_wal_senders() where state = 'streaming' and sync_priority > 0;
    if quorum is null or quorum < peers or streaming < quorum then
        raise exception '% of % members are there to wait for, and % are asked for', streaming, quorum, peers
            using errcode = 'KS001';
    end if;
    -- It waits for the readers of the first lane, so it must not have begun in another.
    if replication.lanes() > 1 and nullif(pg_catalog.current_setting('keystead.lane', true), '') is distinct from '0'
       and pg_catalog.pg_current_xact_id_if_assigned() is not null then
        raise exception 'this transaction has begun in a lane that nobody waits for'
            using errcode = 'active_sql_transaction', hint = 'set keystead.lane to 0 before it writes';
    end if;
    perform pg_catalog.set_config('keystead.lane', '0', true);
    perform pg_catalog.set_config('synchronous_commit', 'on', true);
end
$$;
revoke execute on function replication.wait_for_peers(integer) from public;
