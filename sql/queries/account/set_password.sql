-- Only if the password is still the one that was checked. Later than that one was set in any case, whatever the clocks of the
-- nodes say: tokens that rest on an earlier password are refused.
update public.account
set password_hash = $3, password_change_required = false, updated_at = now(),
    password_changed_at = greatest(now(), password_changed_at + interval '1 microsecond')
where id = $1 and password_hash = $2 and not deleted
returning version
