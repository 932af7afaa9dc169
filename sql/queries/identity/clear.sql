delete from identity
