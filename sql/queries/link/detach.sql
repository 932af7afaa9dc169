select format('alter subscription %1$I disable; alter subscription %1$I set (slot_name = none)', $1::text)
