update replication.fence set too_old = too_old or $1 > has_all_up_to returning too_old
