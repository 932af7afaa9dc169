-- Two sides of a partition may have made one name: the older account has it, on all nodes.
select id, username, password_hash, password_change_required, password_changed_at, version
from live.account where username = $1
order by created_at, id limit 1
