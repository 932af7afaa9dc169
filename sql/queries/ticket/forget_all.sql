delete from ticket
