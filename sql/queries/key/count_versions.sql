select count(*) from live.key where id = $1 or version_of = $1
