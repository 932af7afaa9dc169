select format('copy (select %s from %s) to stdout (format binary)',
              (select string_agg(format('%I', c), ', ') from unnest($2::text[]) c), $1::text)
