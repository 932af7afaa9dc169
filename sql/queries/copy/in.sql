select format('copy %s (%s) from stdin (format binary)',
              $1::text, (select string_agg(format('%I', c), ', ') from unnest($2::text[]) c))
