select format('drop owned by %1$I; drop role %1$I', $1::text)
