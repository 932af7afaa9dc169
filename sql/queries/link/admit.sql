select format('alter role %1$I replication; grant keystead_peer to %1$I', $1::text)
