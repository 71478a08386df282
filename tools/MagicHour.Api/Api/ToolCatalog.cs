namespace Platform.Simulator.Api;

/// <summary>Every tool that has an endpoint, with the medians that Magic Hour published for the 30 days to 2026-07-20.</summary>
internal static class ToolCatalog
{
    // Magic Hour published no median for ai-video-translator; it takes that of lip-sync, which it includes.
    private static readonly Dictionary<string, Tool> Tools = new Tool[]
    {
        Video("auto-subtitle-generator", "AUTO_SUBTITLE", "Auto Subtitle", 60, 45),
        Video("text-to-video", "TEXT_TO_VIDEO", "Text To Video", 240, 51),
        Video("image-to-video", "IMAGE_TO_VIDEO", "Image To Video", 300, 74),
        Video("ai-video-editor", "VIDEO_EDITOR", "Video Editor", 200, 85),
        Video("face-swap", "FACE_SWAP", "Face Swap", 120, 96),
        Video("audio-to-video", "AUDIO_TO_VIDEO", "Audio To Video", 300, 117),
        Video("ai-talking-photo", "TALKING_PHOTO", "Talking Photo", 150, 174),
        Video("lip-sync", "LIP_SYNC", "Lip Sync", 90, 229),
        Video("ai-video-translator", "VIDEO_TRANSLATOR", "Video Translator", 300, 229),
        Video("character-replace", "CHARACTER_REPLACE", "Character Replace", 400, 446),
        Video("animation", "ANIMATION", "Animation", 600, 596),
        Video("video-to-video", "VIDEO_TO_VIDEO", "Video To Video", 450, 772),
        Image("ai-face-editor", "FACE_EDITOR", "Face Editor", 1, 3),
        Image("face-swap-photo", "FACE_SWAP", "Face Swap", 5, 4),
        Image("image-background-remover", "BACKGROUND_REMOVER", "Background Remover", 5, 4),
        Image("ai-image-generator", "AI_IMAGE", "Ai Image", 5, 5),
        Image("ai-qr-code-generator", "QR_CODE", "Qr Code", 20, 7),
        Image("ai-image-editor", "AI_IMAGE_EDITOR", "Ai Image Editor", 50, 9),
        Image("ai-meme-generator", "AI_MEME", "Ai Meme", 10, 9),
        Image("photo-colorizer", "PHOTO_COLORIZER", "Photo Colorizer", 10, 9),
        Image("ai-clothes-changer", "CLOTHES_CHANGER", "Clothes Changer", 25, 13),
        Image("ai-headshot-generator", "AI_HEADSHOT", "Ai Headshot", 50, 14),
        Image("head-swap", "HEAD_SWAP", "Head Swap", 10, 18),
        Image("ai-image-upscaler", "IMAGE_UPSCALER", "Image Upscaler", 50, 22),
        Image("ai-gif-generator", "AI_GIF", "Ai Gif", 50, 23),
        Image("body-swap", "BODY_SWAP", "Body Swap", 50, 38),
        Audio("ai-voice-generator", "VOICE_GENERATOR", "Voice Generator", 2),
        Audio("ai-voice-cloner", "VOICE_CLONER", "Voice Cloner", 10),
    }.ToDictionary(tool => tool.Path);

    public static IEnumerable<Tool> All => Tools.Values;

    /// <summary>The tool with this path; null when there is none.</summary>
    public static Tool? Find(string path) => Tools.GetValueOrDefault(path);

    private static Tool Video(string path, string type, string label, int credits, int seconds) =>
        new(path, "video", type, label, credits, TimeSpan.FromSeconds(seconds));

    private static Tool Image(string path, string type, string label, int credits, int seconds) =>
        new(path, "image", type, label, credits, TimeSpan.FromSeconds(seconds));

    private static Tool Audio(string path, string type, string label, int credits) =>
        new(path, "audio", type, label, credits, TimeSpan.FromSeconds(21));
}
