-- Nothing of this goes out: there is nobody left to tell. Deleted for good, past the tombstones.
do
$$
begin
    set local session_replication_role = replica;
    delete from public.node;
    delete from public.heartbeat;
    delete from public.lane_beat;
    delete from replication.promised;
    perform replication.set_lanes(1);
    delete from public.node_view;
    delete from public.node_version;
    delete from public.alarm;
    delete from public.alarm_mark;
    delete from public.cluster_property;
    delete from public.node_certificate;
    delete from public.cluster_key where name = 'ca' or starts_with(name, 'ca-');
    delete from replication.run;
    delete from replication.resync;
    delete from replication.fence;
    delete from replication.slot_seen;
    delete from replication.bad_row;
    delete from replication.misuse;
    -- Nobody else has to have it.
    perform replication.send_pending(2147483647);
    perform replication.use_pending(2147483647);
end
$$
