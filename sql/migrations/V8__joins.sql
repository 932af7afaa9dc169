-- Joining nodes are recorded on a majority of the members at once, not only where they asked.

-- Records a joining node for the holder of the lease. What is here already stays. False when the lease is no longer held.
create function peer.record_node(
    lease_holder text, id text, number integer, host text, port integer, public_address text, serial text)
    returns boolean
    language plpgsql security definer set search_path = '' as
$$
begin
    perform from replication.lease l where l.holder = lease_holder and l.until > clock_timestamp() for update;
    if not found then
        return false;
    end if;
    insert into public.node (id, number, host, port, public_address, state, stage, serial)
    values (record_node.id, record_node.number, record_node.host, record_node.port, record_node.public_address,
            'joining', 'creating', record_node.serial)
    on conflict on constraint node_pkey do nothing;
    return true;
end
$$;

revoke execute on function peer.record_node(text, text, integer, text, integer, text, text) from public;
grant execute on function peer.record_node(text, text, integer, text, integer, text, text) to keystead_peer;
