-- Alarms: what nodes find wrong, and what people say to it. And names that several keys or accounts have.

-- One row for each thing that one node found wrong. Only that node writes it, so nothing of it is lost in a merge; what
-- users do is in another table. Changes by itself, as a heartbeat does, so digests leave it out.
create table public.alarm (
    id text primary key,
    node integer not null,
    source text not null,
    kind text not null,
    name text not null,
    subject text not null,
    severity text not null,
    description text not null,
    raised boolean not null,
    episode bigint not null,
    triggered_at timestamptz not null,
    told_at timestamptz not null,
    cleared_at timestamptz
);
select replication.enlist('public.alarm', digested => false);

-- What a user said to one episode of an alarm, on any node. Rows are only added, so two nodes cannot contradict.
create table public.alarm_mark (
    alarm text not null,
    episode bigint not null,
    kind text not null,
    account text not null,
    at timestamptz not null,
    primary key (alarm, episode, kind)
);
select replication.enlist('public.alarm_mark');

-- Where every node sends its alarms.
create table public.syslog (
    id text primary key,
    host text not null,
    port integer not null,
    transport text not null,
    format text not null,
    ca_cert text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
select replication.enlist('public.syslog');

-- The same whenever this node raises the same about the same, so that there is one row of it.
create function public.alarm_id(kind text, subject text) returns text
    language sql stable as
$$
    select left(encode(sha256(convert_to(format('%s|%s|%s', replication.this_node(), kind, subject), 'UTF8')), 'hex'), 32)
$$;

-- Alarms as users see them: off when the cause is gone, when a user cleared this episode, or when the node is no more.
create view public.alarm_state as
select a.id, a.source, a.kind, a.name, a.subject, a.severity, a.description, a.episode, a.triggered_at,
       s.state, noticed.at as acknowledged_at, noticed.account as acknowledged_by,
       case when s.state = 'off' then coalesce(cleared.at, a.cleared_at) end as cleared_at,
       case when s.state = 'off' then coalesce(cleared.account, 'system') end as cleared_by
from live.alarm a
left join live.alarm_mark noticed
       on noticed.alarm = a.id and noticed.episode = a.episode and noticed.kind = 'acknowledged'
left join live.alarm_mark cleared
       on cleared.alarm = a.id and cleared.episode = a.episode and cleared.kind = 'cleared'
cross join lateral (
    select case when a.raised and cleared.at is null
                     and not exists (select from live.node n
                                     where n.number = a.node and n.state in ('removing', 'removed'))
                then 'on' else 'off' end as state
) s;

-- Of rows that are there only: what is read by name is never a tombstone, and a scan of all names needs the index alone.
drop index public.key_name;
create index key_name on public.key (name) include (version_of, id) where not deleted;
drop index public.account_username;
create index account_username on public.account (username) where not deleted;

-- Names that several keys or accounts have, the first thousand; versions of one key are one. Counting reads the index alone. The limit also keeps
-- the planner from expecting so many of them that it compiles the query first, which takes longer than running it.
create view public.name_clash as
select 'key' as kind, name,
       (select array_agg(k.id order by k.created_at, k.id) from live.key k
        where k.id in (select public.newest_version(coalesce(o.version_of, o.id), null) from live.key o where o.name = n.name)) as ids
from (select name from live.key group by name
      having count(*) > 1 and min(coalesce(version_of, id)) <> max(coalesce(version_of, id)) order by name limit 1000) n
union all
select 'account', username,
       (select array_agg(a.id order by a.created_at, a.id) from live.account a where a.username = n.username)
from (select username from live.account group by username having count(*) > 1 order by username limit 1000) n;

revoke execute on function public.alarm_id(text, text) from public;
