select id, number, host, port, public_address, state::text, serial, version
from live.node order by number
