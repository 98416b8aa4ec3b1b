-- Check if readings are being collected
SELECT 
    DATE_TRUNC('hour', timestamp) as hour,
    COUNT(*) as reading_count
FROM register_import
WHERE timestamp > NOW() - INTERVAL '24 hours'
GROUP BY hour
ORDER BY hour DESC;
