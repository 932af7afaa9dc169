select format('create database %I template template0', $1::text)
