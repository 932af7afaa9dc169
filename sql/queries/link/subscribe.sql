-- Creating asks the peer what it publishes. All of this is one transaction.
select format(
    'set local statement_timeout = %6$L;
     create subscription %1$I connection %2$L publication %3$I
     with (create_slot = false, slot_name = %1$I, copy_data = false, enabled = false, binary = true, streaming = %4$s,
           synchronous_commit = off, disable_on_error = false%5$s);
     select replication.hand_over(%1$L)',
    $1::text, $2::text, $3::text, 'on',
    case when current_setting('server_version_num')::integer >= 160000 then ', origin = none' else '' end, $4::text)
