-- From the state that was decided upon: whoever moved it meanwhile comes first, and so does
-- whoever made it undeletable. A trigger takes destroyed material away.
update public.key set state = $3::text::public.key_state, updated_at = now()
where id = $1 and not deleted and state = $2::text::public.key_state
  and not (undeletable and $3::text::public.key_state >= 'Destroyed'::public.key_state)
returning id, name, state::text, algorithm, size, usage_mask, description, unexportable, undeletable, fingerprint,
          material_version, activation_date, created_at, updated_at, version_of, version,
          case when $4::integer > 0 then replication.wait_for_peers($4::integer) end
