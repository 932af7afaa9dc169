-- Tokens end with their account and with its password: the agent hears of every change, also of one that arrived from a
-- peer. For each row, as subscriptions fire nothing for statements.
create function public.tell_account_changed() returns trigger
    language plpgsql as
$$
begin
    perform replication.notify('keystead_account');
    return null;
end
$$;
create trigger tell_account_changed after insert or update on public.account
    for each row execute function public.tell_account_changed();
alter table public.account enable always trigger tell_account_changed;
