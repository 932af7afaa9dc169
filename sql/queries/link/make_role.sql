select format('create role %1$I login connection limit 16 in role keystead_guest', $1::text)
