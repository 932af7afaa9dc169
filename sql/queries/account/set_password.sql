-- Only if the password is still the one that was checked.
update public.account
set password_hash = $3, password_change_required = false, password_changed_at = now(), updated_at = now()
where id = $1 and password_hash = $2 and not deleted
returning version
