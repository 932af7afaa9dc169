select id, username, password_hash, password_change_required, password_changed_at, version
from live.account where id = $1
