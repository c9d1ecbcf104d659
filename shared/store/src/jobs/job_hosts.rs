//! Exceptions of a running job (`jobs.job_hosts`), merged from its parts.
use std::net::IpAddr;

use ipnet::IpNet;
use mipo_domain::coverage::{Exceptions, Host};
use mipo_domain::ids::ScanJobId;
use mipo_domain::ports::Protocol;

use crate::ranges::{indices_from_text, indices_to_text, ports_from_text};
use crate::{Conn, StoreError};

/// Adds what a part lists to what is known. Parts of a job never overlap, so the sets are united.
pub async fn merge(conn: &mut Conn, job_id: ScanJobId, hosts: &[(Host, Exceptions)]) -> Result<(), StoreError> {
    for hosts in hosts.chunks(10_000) {
        let ips: Vec<IpNet> = hosts.iter().map(|((ip, _), _)| IpNet::from(*ip)).collect();
        let protocols: Vec<String> = hosts.iter().map(|((_, protocol), _)| protocol.to_string()).collect();
        let column =
            |get: &dyn Fn(&Exceptions) -> String| hosts.iter().map(|(_, listed)| get(listed)).collect::<Vec<_>>();
        sqlx::query!(
            "insert into jobs.job_hosts as known (job_id, ip, protocol, filtered_default, other, error, not_probed)
             select $1, ip, protocol, filtered_default::int8multirange, other::int4multirange, error::int4multirange,
               not_probed::int4multirange
             from unnest($2::inet[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
               as part (ip, protocol, filtered_default, other, error, not_probed)
             on conflict (job_id, ip, protocol) do update
             set filtered_default = known.filtered_default + excluded.filtered_default, other = known.other + excluded.other,
               error = known.error + excluded.error, not_probed = known.not_probed + excluded.not_probed",
            job_id.get(),
            &ips,
            &protocols,
            &column(&|listed| indices_to_text(&listed.filtered_default)),
            &column(&|listed| listed.other.to_multirange()),
            &column(&|listed| listed.error.to_multirange()),
            &column(&|listed| listed.not_probed.to_multirange()),
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// What is known about the hosts of the job.
pub async fn of_job(conn: &mut Conn, job_id: ScanJobId) -> Result<Vec<(Host, Exceptions)>, StoreError> {
    let rows = sqlx::query!(
        r#"select ip as "ip: IpNet", protocol, filtered_default::text as "filtered_default!", other::text as "other!",
             error::text as "error!", not_probed::text as "not_probed!"
           from jobs.job_hosts where job_id = $1"#,
        job_id.get()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let exceptions = Exceptions {
                filtered_default: indices_from_text(&row.filtered_default)?,
                other: ports_from_text(&row.other)?,
                error: ports_from_text(&row.error)?,
                not_probed: ports_from_text(&row.not_probed)?,
            };
            Ok((host(row.ip, &row.protocol)?, exceptions))
        })
        .collect()
}

/// Removes them; called when their coverage is written.
pub async fn delete(conn: &mut Conn, job_id: ScanJobId) -> Result<(), StoreError> {
    sqlx::query!("delete from jobs.job_hosts where job_id = $1", job_id.get()).execute(conn).await?;
    Ok(())
}

/// Reads the columns `ip` and `protocol`.
pub(crate) fn host(ip: IpNet, protocol: &str) -> Result<Host, StoreError> {
    let ip: IpAddr = ip.addr();
    let protocol: Protocol = protocol.parse().map_err(|error| StoreError::inconsistent(format!("{ip}: {error}")))?;
    Ok((ip, protocol))
}
