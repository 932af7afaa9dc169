select value from live.cluster_property where name = $1
