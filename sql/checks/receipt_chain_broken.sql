-- The receipts of a scanner are a chain: no place is missing, and each names the hash before it.
select scanner_id::text as scanner, job_id::text as job, chain_position::text as place
from (
  select scanner_id, job_id, chain_position, prev_receipt_hash,
         lag(chain_position) over w as place_before, lag(receipt_hash) over w as hash_before
  from results.receipts
  window w as (partition by scanner_id order by chain_position)
) chain
where place_before is not null and (chain_position <> place_before + 1 or prev_receipt_hash <> hash_before)
