select subname from pg_subscription
join pg_database on pg_database.oid = subdbid
where datname = current_database() and (starts_with(subname, $1) or starts_with(subname, $3))
  and exists (select from pg_publication_rel p
              join pg_publication on pg_publication.oid = prpubid and pubname = $2
              where not exists (select from pg_subscription_rel r
                                where (srsubid, srrelid) = (pg_subscription.oid, p.prrelid)))
