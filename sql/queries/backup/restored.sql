select run from public.restored
