select epoch, wrapped from live.key where id = $1
