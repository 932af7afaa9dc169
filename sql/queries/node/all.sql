select id, number, host, port, public_address, state::text, stage, serial, version
from live.node order by number
