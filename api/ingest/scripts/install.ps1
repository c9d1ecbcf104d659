# Installs mipo-scanner: fetches the binary, checks its hash, exchanges the one-time token for a key. This script
# holds no secret. PowerShell cannot check the signature, so the hash that the page shows has to be given.
param(
    [string]$Server = '@SERVER@',
    [Parameter(Mandatory = $true)][string]$Token,
    [string]$Sha256 = ''
)
$ErrorActionPreference = 'Stop'
if (-not $Server) { throw 'Say where the server is: -Server https://mipo.example' }
if (-not $Sha256) { throw 'Give the hash that the page "Add a scanner" shows: -Sha256 ...' }
$Server = $Server.TrimEnd('/')
$arch = if ($env:PROCESSOR_ARCHITECTURE -eq 'ARM64') { 'arm64' } else { 'amd64' }
$folder = Join-Path $env:ProgramFiles 'mipo-scanner'
$data = Join-Path $env:ProgramData 'mipo-scanner'
$fetched = New-TemporaryFile
Invoke-WebRequest -UseBasicParsing -Uri "$Server/scanner/binary/windows/$arch" -OutFile $fetched
$seen = (Get-FileHash -Algorithm SHA256 -Path $fetched).Hash.ToLowerInvariant()
if ($seen -ne $Sha256.ToLowerInvariant()) { Remove-Item $fetched; throw 'The hash of the fetched binary is not the one given with -Sha256.' }
New-Item -ItemType Directory -Force -Path $folder, $data | Out-Null
$program = Join-Path $folder 'mipo-scanner.exe'
Move-Item -Force $fetched $program
$key = Join-Path $data 'key.json'
$env:MIPO_SCANNER_TOKEN = $Token
& $program enrol --server $Server --key-file $key
Remove-Item Env:MIPO_SCANNER_TOKEN
Start-Process -WindowStyle Hidden -FilePath $program -ArgumentList 'run', '--key-file', "`"$key`"", '--spool-dir', "`"$data\spool`""
Write-Output "Started $program; to start it again: `"$program`" run --key-file `"$key`" --spool-dir `"$data\spool`""
