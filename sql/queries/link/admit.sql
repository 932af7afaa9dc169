select format('alter role %1$I replication; grant keystead_peer to %1$I; select replication.limit_role(%1$L)', $1::text)
