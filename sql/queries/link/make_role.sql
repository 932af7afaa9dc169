select format('create role %1$I login in role keystead_guest; select replication.limit_role(%1$L)', $1::text)
