select name, public, wrapped from live.cluster_key order by name
